# One image for migrate, worker and api. Debian, not Alpine: Temporal's native core needs glibc.
FROM node:24-bookworm-slim
WORKDIR /baton
ENV NODE_ENV=production
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force
COPY . .
USER node
ENTRYPOINT ["node", "cli/baton.mjs"]
CMD ["help"]
